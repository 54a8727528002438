"""Which versions answer: activation, rollback, canary, shadow, retirement."""
