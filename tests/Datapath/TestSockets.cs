using Cilium.Bpf;

namespace Cilium.DatapathTests;

/// <summary>Sockets for an engine; tests/DatapathInProcess has another one for the same tests.</summary>
internal static class TestSockets
{
    internal static ILookupBench Create(BpfEngine engine) => ReferenceEquals(engine, BpfEngine.Kernel) ? new KernelLookupBench() : new TableLookupBench(engine);

    /// <summary>Those of a node, for the engine of this build.</summary>
    internal static INodeSockets OfNode(Node node) => new KernelNodeSockets(node);
}
