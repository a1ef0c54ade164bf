"""A pipeline with the name of another."""

from dataclasses import replace

from processor.pipelines import SHIPPED

PIPELINE = replace(SHIPPED, table="another")
