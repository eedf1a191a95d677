import ISA

/// The handlers of control transfers in cold code: after a jump the run loop looks whether it is translated.
extension AArch64 {
    static let transferHandlers: [(operation: Operation, word: Handler, double: Handler)] = [
        both(.b_cond) { runTransfer(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i in branch(&e, i) } },
        both(.b) { runTransfer(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i in e.jump(offset: i.immediate) } },
        both(.bl) { runTransfer(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i in link(&e, i) } },
        (
            .cbz,
            { runTransfer(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i in compareAndBranch(&e, i, .word, .equal) } },
            { runTransfer(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i in compareAndBranch(&e, i, .double, .equal) } }
        ),
        (
            .cbnz,
            { runTransfer(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i in compareAndBranch(&e, i, .word, .notEqual) } },
            {
                runTransfer(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i in
                    compareAndBranch(&e, i, .double, .notEqual)
                }
            }
        ),
        both(.tbz) { runTransfer(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i in testAndBranch(&e, i, .equal) } },
        both(.tbnz) { runTransfer(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i in testAndBranch(&e, i, .notEqual) } },
        both(.br) {
            runTransfer(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try branchIndirect(&e, i, .plain)
            }
        },
        both(.blr) {
            runTransfer(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i throws(Fault) in try branchIndirect(&e, i, .call) }
        },
        both(.ret) { runTransfer(AArch64.self, $0, $1, $2, $3, $4, $5) { e, i in branchToRegister(&e, i, .return) } },
    ]
}
