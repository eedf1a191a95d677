import Testing

@testable import Machine

/// What messages of the Debug Adapter Protocol may have in them: of debugAdapterProtocol.json, its JSON schema, those types that
/// a debug adapter sends.
enum DAPSchema {
    /// A type's members in braces, each with its type; those with ! are there always, and [] is a list. What begins with = is
    /// one of some words, or of another type.
    private static let text = """
        response initialize { =Capabilities }
        response threads { threads!:[Thread] }
        response stackTrace { stackFrames!:[StackFrame] totalFrames:integer }
        response scopes { scopes!:[Scope] }
        response variables { variables!:[Variable] }
        response setVariable { value!:string type:string variablesReference:integer namedVariables:integer
          indexedVariables:integer memoryReference:string valueLocationReference:integer }
        response evaluate { result!:string type:string presentationHint:VariablePresentationHint
          variablesReference!:integer namedVariables:integer indexedVariables:integer memoryReference:string
          valueLocationReference:integer }
        response modules { modules!:[Module] totalModules:integer }
        response loadedSources { sources!:[Source] }
        response setBreakpoints { breakpoints!:[Breakpoint] }
        response setFunctionBreakpoints { breakpoints!:[Breakpoint] }
        response setInstructionBreakpoints { breakpoints!:[Breakpoint] }
        response setDataBreakpoints { breakpoints!:[Breakpoint] }
        response dataBreakpointInfo { dataId!:null|string description!:string accessTypes:[DataBreakpointAccessType]
          canPersist:boolean }
        response setExceptionBreakpoints { breakpoints:[Breakpoint] }
        response breakpointLocations { breakpoints!:[BreakpointLocation] }
        response readMemory { address!:string unreadableBytes:integer data:string }
        response writeMemory { offset:integer bytesWritten:integer }
        response disassemble { instructions!:[DisassembledInstruction] }
        response continue { allThreadsContinued:boolean }
        event stopped { reason!:string description:string threadId:integer preserveFocusHint:boolean text:string
          allThreadsStopped:boolean hitBreakpointIds:[integer] }
        event output { category:string output!:string group:=start/startCollapsed/end variablesReference:integer
          source:Source line:integer column:integer data:any locationReference:integer }
        event process { name!:string systemProcessId:integer isLocalProcess:boolean
          startMethod:=launch/attach/attachForSuspendedLaunch pointerSize:integer }
        event initialized {  }
        event terminated { restart:any }
        event exited { exitCode!:integer }
        event memory { memoryReference!:string offset!:integer count!:integer }
        event progressStart { progressId!:string title!:string requestId:integer cancellable:boolean message:string
          percentage:number }
        event progressEnd { progressId!:string message:string }
        Source { name:string path:string sourceReference:integer presentationHint:=normal/emphasize/deemphasize
          origin:string sources:[Source] adapterData:any checksums:[Checksum] }
        ChecksumAlgorithm { =MD5/SHA1/SHA256/timestamp }
        DisassembledInstruction { address!:string instructionBytes:string instruction!:string symbol:string
          location:Source line:integer column:integer endLine:integer endColumn:integer presentationHint:=normal/invalid
          }
        BreakpointLocation { line!:integer column:integer endLine:integer endColumn:integer }
        Breakpoint { id:integer verified!:boolean message:string source:Source line:integer column:integer
          endLine:integer endColumn:integer instructionReference:string offset:integer reason:=pending/failed }
        DataBreakpointAccessType { =read/write/readWrite }
        Module { id!:integer|string name!:string path:string isOptimized:boolean isUserCode:boolean version:string
          symbolStatus:string symbolFilePath:string dateTimeStamp:string addressRange:string }
        VariablePresentationHint { kind:string attributes:[string] visibility:string lazy:boolean }
        Variable { name!:string value!:string type:string presentationHint:VariablePresentationHint evaluateName:string
          variablesReference!:integer namedVariables:integer indexedVariables:integer memoryReference:string
          declarationLocationReference:integer valueLocationReference:integer }
        Scope { name!:string presentationHint:string variablesReference!:integer namedVariables:integer
          indexedVariables:integer expensive!:boolean source:Source line:integer column:integer endLine:integer
          endColumn:integer }
        StackFrame { id!:integer name!:string source:Source line!:integer column!:integer endLine:integer
          endColumn:integer canRestart:boolean instructionPointerReference:string moduleId:integer|string
          presentationHint:=normal/label/subtle }
        Thread { id!:integer name!:string }
        Capabilities { supportsConfigurationDoneRequest:boolean supportsFunctionBreakpoints:boolean
          supportsConditionalBreakpoints:boolean supportsHitConditionalBreakpoints:boolean
          supportsEvaluateForHovers:boolean exceptionBreakpointFilters:[ExceptionBreakpointsFilter]
          supportsStepBack:boolean supportsSetVariable:boolean supportsRestartFrame:boolean
          supportsGotoTargetsRequest:boolean supportsStepInTargetsRequest:boolean supportsCompletionsRequest:boolean
          completionTriggerCharacters:[string] supportsModulesRequest:boolean additionalModuleColumns:[ColumnDescriptor]
          supportedChecksumAlgorithms:[ChecksumAlgorithm] supportsRestartRequest:boolean
          supportsExceptionOptions:boolean supportsValueFormattingOptions:boolean supportsExceptionInfoRequest:boolean
          supportTerminateDebuggee:boolean supportSuspendDebuggee:boolean supportsDelayedStackTraceLoading:boolean
          supportsLoadedSourcesRequest:boolean supportsLogPoints:boolean supportsTerminateThreadsRequest:boolean
          supportsSetExpression:boolean supportsTerminateRequest:boolean supportsDataBreakpoints:boolean
          supportsReadMemoryRequest:boolean supportsWriteMemoryRequest:boolean supportsDisassembleRequest:boolean
          supportsCancelRequest:boolean supportsBreakpointLocationsRequest:boolean supportsClipboardContext:boolean
          supportsSteppingGranularity:boolean supportsInstructionBreakpoints:boolean
          supportsExceptionFilterOptions:boolean supportsSingleThreadExecutionRequests:boolean
          supportsDataBreakpointBytes:boolean breakpointModes:[BreakpointMode] supportsANSIStyling:boolean }
        ExceptionBreakpointsFilter { filter!:string label!:string description:string default:boolean
          supportsCondition:boolean conditionDescription:string }
        """

    private static let types: [String: [Substring]] = {
        var types: [String: [Substring]] = [:]
        for definition in text.split(separator: "}") {
            guard let brace = definition.firstIndex(of: "{") else { continue }
            let name = definition[..<brace].split(whereSeparator: \.isWhitespace).joined(separator: " ")
            types[name] = definition[definition.index(after: brace)...].split(whereSeparator: \.isWhitespace)
        }
        return types
    }()

    /// What is wrong with a message of an adapter's; nil where nothing is.
    static func fault(of message: JSON) -> String? {
        guard let sequence = message["seq"]?.integer, sequence > 0 else { return "it has no seq" }
        switch message["type"]?.string {
        case "event":
            guard let name = message["event"]?.string else { return "an event has no name" }
            guard let type = types["event \(name)"] else { return "there is no event \(name) here" }
            return fault(of: message["body"] ?? .object([]), type, "event \(name)")
        case "response":
            guard let command = message["command"]?.string, message["request_seq"]?.integer != nil,
                let isSuccess = message["success"]?.bool
            else { return "a response lacks command, request_seq or success" }
            guard isSuccess else {
                guard message["message"]?.string != nil, let error = message["body"]?["error"],
                    error["id"]?.integer != nil, error["format"]?.string != nil
                else { return "a refusal of \(command) has no message or error" }
                return nil
            }
            guard let type = types["response \(command)"] else {
                return message["body"] == nil ? nil : "\(command) has no body"
            }
            return fault(of: message["body"] ?? .object([]), type, command)
        default: return "it is neither a response nor an event"
        }
    }

    private static func fault(of value: JSON, _ type: [Substring], _ place: String) -> String? {
        if type.count == 1, let alias = type.first, alias.hasPrefix("=") || !alias.contains(":") {
            return fault(of: value, alias, place)
        }
        guard case .object(let members) = value else { return "\(place) is no object" }
        var missing = Set(type.filter { $0.contains("!:") }.map { $0.prefix { $0 != "!" } })
        for (name, value) in members {
            guard let member = type.first(where: { $0.prefix { $0 != "!" && $0 != ":" } == name }) else {
                return "\(place) has no \(name)"
            }
            missing.remove(Substring(name))
            let type = member[member.index(after: member.firstIndex(of: ":") ?? member.startIndex)...]
            if let fault = fault(of: value, type, "\(place).\(name)") { return fault }
        }
        return missing.isEmpty ? nil : "\(place) lacks \(missing.sorted().joined(separator: ", "))"
    }

    private static func fault(of value: JSON, _ type: Substring, _ place: String) -> String? {
        func check(_ holds: Bool) -> String? { holds ? nil : "\(place) is \(value.text.prefix(80)), and no \(type)" }
        switch type {
        case "string": return check(value.string != nil)
        case "integer": return check(value.integer != nil)
        case "boolean": return check(value.bool != nil)
        case "any", "object": return nil
        case "null|string": return check(value == .null || value.string != nil)
        case "integer|string": return check(value.integer != nil || value.string != nil)
        case _ where type.hasPrefix("["):
            guard let elements = value.array else { return check(false) }
            return elements.lazy.compactMap { fault(of: $0, type.dropFirst().dropLast(), place + "[]") }.first
        case _ where type.hasPrefix("="):
            if let named = types[String(type.dropFirst())] { return fault(of: value, named, place) }
            return check(type.dropFirst().split(separator: "/").contains { $0 == value.string ?? "" })
        default:
            guard let named = types[String(type)] else { return "\(place): the table lacks \(type)" }
            return fault(of: value, named, place)
        }
    }
}
