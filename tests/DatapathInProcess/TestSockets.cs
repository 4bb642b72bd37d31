using Cilium.Bpf;

namespace Cilium.DatapathTests;

/// <summary>Sockets for an engine of this process.</summary>
internal static class TestSockets
{
    internal static ILookupBench Create(BpfEngine engine) => new TableLookupBench(engine);

    /// <summary>Those of a node, for the engine of this build.</summary>
    internal static INodeSockets OfNode(Node node) => new TableNodeSockets(node);
}
