using System.Collections.Concurrent;

namespace Cilium.Simulation.Serving;

/// <summary>Counts what clients ask of the API server, and what they are told. Thread-safe.</summary>
internal sealed class ApiTraffic
{
    private readonly ConcurrentDictionary<(string Client, string Resource, string Verb), long> _requests = [];
    private readonly ConcurrentDictionary<(string Client, string Resource), long> _events = [];
    private long _writes;
    private long _refused;
    private long _all;
    private long _told;

    /// <summary>Requests that change something, whatever became of them.</summary>
    public long Writes => Interlocked.Read(ref _writes);

    /// <summary>Events of watches, bookmarks not among them.</summary>
    public long Events => Interlocked.Read(ref _told);

    /// <summary>Writes that were answered with a status of 400 or more, or not at all.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Grows with everything that happens.</summary>
    public long Progress => Interlocked.Read(ref _all) + Events;

    /// <summary>Requests by client, resource and verb.</summary>
    public IEnumerable<KeyValuePair<(string Client, string Resource, string Verb), long>> Requests => _requests;

    /// <summary>Events of watches by client and resource.</summary>
    public IEnumerable<KeyValuePair<(string Client, string Resource), long>> EventsByClient => _events;

    public void Asked(string client, ApiTarget target)
    {
        _requests.AddOrUpdate((client, target.Resource, target.Verb), 1, static (_, count) => count + 1);
        if (target.IsWrite)
            Interlocked.Increment(ref _writes);
        Interlocked.Increment(ref _all);
    }

    public void Answered(ApiTarget target, bool isRefused)
    {
        if (isRefused && target.IsWrite)
            Interlocked.Increment(ref _refused);
        Interlocked.Increment(ref _all);
    }

    public void Told(string client, string resource, int events)
    {
        _events.AddOrUpdate((client, resource), events, (_, count) => count + events);
        Interlocked.Add(ref _told, events);
    }
}
