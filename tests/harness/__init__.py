"""What the whole-system tests stand on: servers, raw clients, terminals."""
