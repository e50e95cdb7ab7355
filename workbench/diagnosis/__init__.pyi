# Written by tools/write_stubs.py; change the `__all__` of a module, not this file.
from .diagnosing import diagnose as diagnose
from .experiments.accuracy_gaps import AccuracyGap as AccuracyGap
from .experiments.accuracy_gaps import accuracy_gap as accuracy_gap
from .experiments.control_group import Controls as Controls
from .experiments.control_group import fit_controls as fit_controls
from .experiments.layer_transfer import LayerTransfer as LayerTransfer
from .experiments.layer_transfer import layer_transfer_curve as layer_transfer_curve
from .findings import Diagnosis as Diagnosis
from .findings import Finding as Finding
from .findings import Trial as Trial
