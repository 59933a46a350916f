"""Scenarios: one YAML file each, read as a lesson, shown as a demo, run as a test.

`values` what a scenario is; `actions` and `expectations` its vocabulary; `reader` YAML -> values; `context` what a
running one knows; `verbs` carries actions out; `observations` gathers what expectations judge; `runner` plays it;
`report` tells what came of it.
"""
