using Cilium.Bpf;
using Cilium.Bpf.InProcess;

namespace Cilium.DatapathTests;

/// <summary>The engine that this build of the tests runs on: this process, in the form that CILIUM_ENGINE_FORM names.</summary>
internal static class TestEngine
{
    internal static ExecutionForm Form { get; } =
        Enum.TryParse<ExecutionForm>(Environment.GetEnvironmentVariable("CILIUM_ENGINE_FORM"), ignoreCase: true, out var form) ? form : ExecutionForm.Automatic;

    internal static BpfEngine Create() => new InProcessEngine(new InProcessOptions { Form = Form, Cpus = 2 });

    /// <summary>Engines that must agree.</summary>
    internal static BpfEngine[] Compared() =>
    [
        new InProcessEngine(new InProcessOptions { Form = ExecutionForm.Interpreted }),
        new InProcessEngine(new InProcessOptions { Form = ExecutionForm.Compiled }),
    ];
}
