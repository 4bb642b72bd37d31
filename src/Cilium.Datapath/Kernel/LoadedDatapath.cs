using Cilium.Bpf;

namespace Cilium.Datapath.Kernel;

/// <summary>The programs and maps of a node after the load. Disposing it closes descriptors; what is pinned stays.</summary>
internal sealed class LoadedDatapath(DatapathMaps maps, IReadOnlyDictionary<string, BpfProgram> programs) : IDisposable
{
    internal DatapathMaps Maps { get; } = maps;

    internal BpfProgram Program(string name) =>
        programs.TryGetValue(name, out var program) ? program : throw new InvalidOperationException($"no object has the program {name}");

    internal bool Has(string name) => programs.ContainsKey(name);

    internal IEnumerable<BpfProgram> SocketPrograms => programs.Values.Where(program => program.Name.StartsWith("cil_sock", StringComparison.Ordinal));

    public void Dispose()
    {
        Maps.Dispose();
        foreach (var program in programs.Values)
            program.Dispose();
    }
}
