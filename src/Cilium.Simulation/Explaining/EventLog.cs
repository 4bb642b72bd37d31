using Cilium.Datapath.Events;

namespace Cilium.Simulation.Explaining;

/// <summary>The events of a node since they were looked at last.</summary>
internal sealed class EventLog : IDatapathEventSink
{
    private readonly List<DatapathEvent> _events = [];

    internal IReadOnlyList<DatapathEvent> Events => _events;

    internal void Clear() => _events.Clear();

    /// <inheritdoc/>
    public void OnEvent(in DatapathEvent datapathEvent, ReadOnlySpan<byte> packet) => _events.Add(datapathEvent);

    /// <inheritdoc/>
    public void OnLost(ulong count) => throw new InvalidOperationException($"{count} events of a virtual node were lost");
}
