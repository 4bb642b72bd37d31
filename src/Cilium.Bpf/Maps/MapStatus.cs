namespace Cilium.Bpf;

/// <summary>The expected outcomes of a map operation; anything else is a <see cref="KernelException"/>.</summary>
public enum MapStatus : byte
{
    /// <summary>Done.</summary>
    Ok,
    /// <summary>No entry has the key.</summary>
    NotFound,
    /// <summary>An entry has the key already.</summary>
    Exists,
    /// <summary>The map is full.</summary>
    Full,
}

/// <summary>Whether an update may create or replace (<c>BPF_ANY</c>, <c>BPF_NOEXIST</c>, <c>BPF_EXIST</c>).</summary>
public enum MapUpdate : byte
{
    /// <summary>Create or replace.</summary>
    Any,
    /// <summary>Create only.</summary>
    CreateOnly,
    /// <summary>Replace only.</summary>
    ReplaceOnly,
}

/// <summary>How far a batch got.</summary>
/// <param name="Done">Entries handled, from the front.</param>
/// <param name="Status">Why it stopped at entry <paramref name="Done"/>, or Ok.</param>
public readonly record struct MapBatch(int Done, MapStatus Status);
