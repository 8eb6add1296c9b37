"""How a simulated town comes about: assumptions, children, the group, the staff's records, planted flaws."""
