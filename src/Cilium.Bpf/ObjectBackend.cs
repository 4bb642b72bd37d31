namespace Cilium.Bpf;

/// <summary>An opened object on one engine. Names have been checked by the caller.</summary>
internal abstract class ObjectBackend : IDisposable
{
    internal abstract Btf Btf { get; }

    internal abstract IReadOnlyList<MapDeclaration> Maps { get; }

    internal abstract IReadOnlyList<ProgramDeclaration> Programs { get; }

    /// <summary>The bytes of <c>.rodata</c>, writable until the load; empty when there are none.</summary>
    internal abstract Span<byte> Constants { get; }

    internal abstract MapShape ShapeOf(string map);

    internal abstract void SetMaxEntries(string map, uint maxEntries);

    internal abstract void Reuse(string map, BpfMap existing);

    internal abstract void SetAutoload(string program, bool load);

    internal abstract void Load();

    internal abstract MapBackend Map(string name);

    internal abstract ProgramBackend Program(string name);

    /// <inheritdoc/>
    public abstract void Dispose();
}
