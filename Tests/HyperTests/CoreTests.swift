import Testing

@testable import Hyper

/// All tests that run threads of the core: of one fake machine, so one at a time.
@Suite("Hyper's core", .serialized)
struct CoreTests {}
