"""The labels by which everything of a lab is found; nothing is found by the pattern of its name."""

LABEL_NAME = "lab.name"
LABEL_REGION, LABEL_NODE, LABEL_LINK = "lab.region", "lab.node", "lab.link"
LABEL_TOPOLOGY = "lab.topology"
