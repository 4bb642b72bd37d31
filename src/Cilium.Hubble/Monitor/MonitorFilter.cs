using Cilium.Datapath.Events;

namespace Cilium.Hubble.Monitor;

/// <summary>Which events a monitor shows: by kind, and by the endpoints they come from or go to.</summary>
public sealed class MonitorFilter
{
    /// <summary>Kinds of events; empty for all.</summary>
    public IReadOnlyCollection<int> Types { get; init; } = [];

    /// <summary>Endpoints that events come from; empty for all.</summary>
    public IReadOnlyCollection<ushort> From { get; init; } = [];

    /// <summary>Endpoints that events go to; empty for all.</summary>
    public IReadOnlyCollection<ushort> To { get; init; } = [];

    /// <summary>Endpoints on either side; empty for all.</summary>
    public IReadOnlyCollection<ushort> RelatedTo { get; init; } = [];

    /// <summary>True when the event is to be shown.</summary>
    public bool Shows(in DatapathEvent datapathEvent)
    {
        if (Types.Count != 0 && !Types.Contains((int)datapathEvent.Type))
        {
            return false;
        }

        if (From.Count == 0 && To.Count == 0 && RelatedTo.Count == 0)
        {
            return true;
        }

        var (source, destination) = (datapathEvent.Source.Value, datapathEvent.Destination.Value);
        return From.Contains(source) || To.Contains(destination) || RelatedTo.Contains(source) || RelatedTo.Contains(destination);
    }
}
