using Cilium.Bpf;

namespace Cilium.DatapathTests;

/// <summary>The engine that this build of the tests runs on; tests/DatapathInProcess has another one for the same sources.</summary>
internal static class TestEngine
{
    internal static BpfEngine Create() => BpfEngine.Kernel;
}
