"""Causes of negative transfer, one per file: evidence, the experiment that can refute it, and the remedy."""

from workbench.diagnosis.causes.base import NO_EVIDENCE as NO_EVIDENCE
from workbench.diagnosis.causes.base import Cause as Cause
from workbench.diagnosis.causes.base import Evidence as Evidence
from workbench.diagnosis.causes.base import causes as causes
