"""What the registry costs, beside its peers: `python -m bench`. Imported by nothing else."""
