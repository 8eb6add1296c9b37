"""What claims of speed rest on: ratios measured in one run, each pair giving equal results."""
