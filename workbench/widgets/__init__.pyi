# Written by tools/write_stubs.py; change the `__all__` of a module, not this file.
from .backbone_picker import BackbonePicker as BackbonePicker
from .components.form import Form as Form
from .launcher import Launcher as Launcher
from .layer_painter import LayerPainter as LayerPainter
from .transferability_board import TransferabilityBoard as TransferabilityBoard
from .views.diagnosis_view import DiagnosisView as DiagnosisView
from .views.embedding_explorer import EmbeddingExplorer as EmbeddingExplorer
from .views.filter_viewer import FilterViewer as FilterViewer
from .views.live_curves import LiveCurves as LiveCurves
from .views.results import Results as Results
from .views.saliency_viewer import SaliencyViewer as SaliencyViewer
from .views.similarity_map import SimilarityMap as SimilarityMap
from .workbench import Workbench as Workbench
from .world_dials import WorldDials as WorldDials
