"""Real servers that the tests start and stop: nothing that keeps money right is proven against an imitation."""
