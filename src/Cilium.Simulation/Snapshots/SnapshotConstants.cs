using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Datapath.Inspection;
using Cilium.Datapath.Kernel;

namespace Cilium.Simulation.Snapshots;

/// <summary>The constants of the programs that run on this node, read out of the kernel.</summary>
internal static class SnapshotConstants
{
    /// <summary>Events without which nothing can be told. They change no verdict.</summary>
    private static readonly string[] s_needed = ["enable_drop_events", "enable_verdict_events"];

    /// <summary>Values by name.</summary>
    /// <exception cref="SnapshotException">No program is attached, or they are of another build.</exception>
    internal static Dictionary<string, byte[]> Read(string bpfRoot)
    {
        var engine = new InProcessEngine();
        var attached = AttachedProgram.List(bpfRoot);
        var values = new Dictionary<string, byte[]>();
        foreach (var resource in DatapathLoader.Resources())
        {
            using var obj = DatapathLoader.Open(resource, engine);
            if (attached.FirstOrDefault(program => obj.HasProgram(program.Program)) is not { } running
                || ProgramDescription.ReadConstantsOrNull(running.ProgramId) is not { } bytes)
            {
                continue;
            }
            foreach (var constant in obj.Constants)
            {
                if (constant.Offset + constant.Size > bytes.Length)
                    throw new SnapshotException($"{running.Program} of this node is of another build: its constants end before {constant.Name}");
                values[constant.Name] = bytes.AsSpan(constant.Offset, constant.Size).ToArray();
            }
        }
        if (values.Count == 0)
            throw new SnapshotException($"no program of ours is attached by a pin in {bpfRoot}");
        foreach (var name in s_needed)
            values[name] = [1];
        return values;
    }
}

/// <summary>A node that cannot be copied, or a question about it that cannot be asked.</summary>
public sealed class SnapshotException(string message) : Exception(message);
