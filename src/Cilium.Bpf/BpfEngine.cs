using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>What holds maps and runs programs: the kernel, or this process (<c>InProcessEngine</c>).</summary>
public abstract class BpfEngine
{
    private protected BpfEngine()
    {
    }

    /// <summary>The kernel of this machine, over libbpf.</summary>
    public static BpfEngine Kernel { get; } = new KernelEngine();

    /// <summary>A name for messages.</summary>
    public abstract string Name { get; }

    /// <summary>Programs see numbers of CPUs below it. There may be fewer, as the possible ones need not follow each other.</summary>
    public abstract int Cpus { get; }

    internal abstract ObjectBackend Open(string name, ReadOnlySpan<byte> elf);

    internal abstract MapBackend CreateMap(string name, MapShape shape, BpfMap? inner);

    /// <inheritdoc/>
    public override string ToString() => Name;

    private sealed class KernelEngine : BpfEngine
    {
        private readonly Lazy<int> _cpus = new(PossibleCpus.ReadBound);

        public override string Name => "kernel";

        public override int Cpus => _cpus.Value;

        internal override ObjectBackend Open(string name, ReadOnlySpan<byte> elf) => KernelObject.Open(name, elf);

        internal override MapBackend CreateMap(string name, MapShape shape, BpfMap? inner) => KernelMap.Create(name, shape, inner);
    }
}
