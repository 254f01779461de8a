"""A model of what a cluster needs and costs, and a simulation of its requests: docs/scale.md."""
