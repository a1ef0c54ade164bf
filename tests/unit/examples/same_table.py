"""A pipeline with a projection that has the name of another pipeline's event log."""

from dataclasses import replace

from examples.attendance import PIPELINE as ATTENDANCE
from processor.projections.projection import Immediate

PIPELINE = replace(ATTENDANCE, name="presence", projections=(Immediate("attendance", key=("month",)),))
