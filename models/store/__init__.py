"""Trained models on disk: checkpoint and card; the suite of generators that together cover all species."""
