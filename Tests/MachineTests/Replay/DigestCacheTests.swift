import Foundation
import TestSupport
import Testing

@testable import Machine

@Suite("Digests that are kept")
struct DigestCacheTests {
    private func age(_ path: String, by seconds: Double) throws {
        // The time of the last change of status is now all the same.
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -seconds)], ofItemAtPath: path)
    }

    @Test("A file that has just changed is not kept; one that changes is digested anew; and a damaged cache is no harm")
    func changes() throws {
        try TraceFiles.inFolder { folder in
            let (path, kept) = (folder + "/image", folder + "/digests")
            let cache = DigestCache(kept)
            func digest() throws -> SHA256Digest? {
                try TraceResource(role: "kernel", readingFrom: path, cache: cache).digest
            }
            func key() throws -> DigestCache.Key {
                let descriptor = open(path, O_RDONLY)
                defer { close(descriptor) }
                return try #require(DigestCache.Key(descriptor))
            }
            // NIST's example for SHA-256: FIPS 180-4, "abc".
            let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            try TraceFiles.write(Array("abc".utf8), path)
            try age(path, by: 100)
            #expect(try digest()?.description == abc)
            #expect(!FileManager.default.fileExists(atPath: kept), "it was kept at once")
            // What another time would have kept.
            let line = try key().text + ":" + abc + "\n"
            let lie = try key().text + ":" + String(repeating: "00", count: 32) + "\n"
            for text in ["", "\n\n", ":", try key().text, try key().text + ":12\n", "\0\u{1}" + lie.dropFirst(3)] {
                try TraceFiles.write(Array(text.utf8), kept)
                #expect(try digest()?.description == abc, "\(text)")
            }
            try TraceFiles.write(Array((lie + line).utf8), kept)
            #expect(try digest()?.description == abc)
            try TraceFiles.write(Array(lie.utf8), kept)
            #expect(try digest()?.description == String(repeating: "00", count: 32), "the cache is not looked at")
            // Other contents of the same size.
            try TraceFiles.write(Array("abd".utf8), path)
            #expect(try digest() == SHA256Digest(of: Array("abd".utf8)))
        }
    }
}
