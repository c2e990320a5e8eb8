"""What developers look at: components, layouts, error pages. Registered in debug and demo only."""
