using Cilium.Core.Tables;

namespace Cilium.Kubernetes.Reflectors;

/// <summary>What a reflector follows and where it writes.</summary>
/// <param name="Source">The name in logs, and of the table's initializer.</param>
/// <param name="Resource">The kind.</param>
/// <param name="Selector">Query parameters that narrow the kind, each beginning with <c>&amp;</c>; or empty.</param>
/// <param name="Table">The table.</param>
/// <param name="Decode">Turns an object into a row.</param>
/// <param name="Owns">True for the keys that this reflector alone writes: what the list lacks among them is dropped.</param>
internal sealed record ReflectorTarget<TKey, TRow>(
    string Source, Resource Resource, string Selector, Table<TKey, TRow> Table, RowDecoder<TRow> Decode, Func<TKey, bool> Owns)
    where TKey : notnull
    where TRow : class;

/// <summary>A loop that follows one kind of objects.</summary>
internal interface IReflector
{
    string Name { get; }

    Task RunAsync(CancellationToken cancellationToken);
}
