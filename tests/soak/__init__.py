"""Proofs by repetition: a tenth of the rounds in `make test`, all of them in `make soak`."""
