"""A pipeline with the name of another."""

from dataclasses import replace

from processor.student_performance import PIPELINE as SHIPPED

PIPELINE = replace(SHIPPED, key="event_type")
