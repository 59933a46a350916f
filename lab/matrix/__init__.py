"""The same test over server versions, each on a fresh lab.

`values` what came of it; `trials` runs a scenario or a check on one version; `bisect` finds where an outcome changed;
`pages` tells it as text, Markdown and HTML.
"""
