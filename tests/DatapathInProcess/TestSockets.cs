using Cilium.Bpf;

namespace Cilium.DatapathTests;

/// <summary>Sockets for an engine of this process.</summary>
internal static class TestSockets
{
    internal static ILookupBench Create(BpfEngine engine) => new TableLookupBench(engine);
}
