"""The console's files, where no gateway of ours serves them."""
