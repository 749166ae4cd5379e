"""What tests share: components as processes, fakes of ports, the ledger."""
