using System.Runtime.CompilerServices;

namespace Cilium.ControlPlane.Agent;

/// <summary>
/// Rows that follow from one object of the cluster alone, made once for all agents of a process, as a simulation has them. Those that share must
/// derive alike: with the same options. Thread-safe.
/// </summary>
/// <typeparam name="TRow">What follows from an object.</typeparam>
internal sealed class SharedRows<TRow>
    where TRow : class?
{
    private readonly ConditionalWeakTable<object, object?> _rows = [];

    /// <summary>What follows from an object, made by the first who asks. The object is known by reference, and forgotten with it.</summary>
    public TRow Of<TSource>(TSource source, Func<TSource, TRow> make)
        where TSource : class
        => (TRow)(_rows.TryGetValue(source, out var known) ? known : _rows.GetOrAdd(source, _ => make(source)))!;
}
