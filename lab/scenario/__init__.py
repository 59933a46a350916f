"""Scenarios: one YAML file each, read as a lesson, shown as a demo, run as a test.

`scenario` what one is; `actions` and `expectations` its vocabulary; `reader` YAML -> values; `context` what a running
one knows; `perform` carries actions out; `observations` gathers what expectations judge; `player` plays it; `report`
presents the result.
"""
