"""The vehicle's path: everything between camera bytes and message bytes that runs on a GPU."""
