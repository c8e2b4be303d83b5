"""What the programs of this folder measure with: servers, stores, models, reports."""
