import ArgumentParser
import Speculate

// Values of the library that flags may have.

extension ChatFormat: ExpressibleByArgument {}
extension KVCacheFormat: ExpressibleByArgument {}
extension RevealOrder: ExpressibleByArgument {}
