"""A server and clients: FedAvg and the papers that change it."""
