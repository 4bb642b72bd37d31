using Cilium.Bpf;
using Cilium.Bpf.InProcess;

namespace Cilium.DatapathTests;

/// <summary>The engine that this build of the tests runs on; tests/DatapathInProcess has another one for the same sources.</summary>
internal static class TestEngine
{
    internal static BpfEngine Create() => BpfEngine.Kernel;

    /// <summary>Engines that must agree; the first one is right.</summary>
    internal static BpfEngine[] Compared() =>
    [
        BpfEngine.Kernel,
        new InProcessEngine(new InProcessOptions { Form = ExecutionForm.Interpreted }),
        new InProcessEngine(new InProcessOptions { Form = ExecutionForm.Compiled }),
    ];
}
