"""Files of a run's folder: status, plan, points, state, weights.

Each module is importable without torch unless it trains or loads.
"""
