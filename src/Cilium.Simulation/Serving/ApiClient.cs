using System.Collections.Concurrent;
using System.Net;
using System.Text;

namespace Cilium.Simulation.Serving;

/// <summary>The way of one client to the API server: counts what goes over it, and lets fail what is to fail.</summary>
/// <param name="name">The client's name.</param>
/// <param name="server">The server.</param>
/// <param name="traffic">Counts.</param>
/// <param name="faults">What fails; null for nothing.</param>
internal sealed class ApiClient(string name, HttpMessageHandler server, ApiTraffic traffic, ApiFaults? faults) : HttpMessageHandler
{
    private readonly HttpMessageInvoker _server = new(server, disposeHandler: false);
    private readonly ConcurrentDictionary<string, int> _open = [];
    private int _writesLeft = int.MaxValue;
    private volatile bool _isCut;

    /// <summary>Called once when the way is cut after so many writes.</summary>
    public Action? Cut { get; set; }

    /// <summary>Whether every collection that was ever watched is watched now.</summary>
    public bool IsFollowing => _isCut || _open.Values.All(open => open > 0);

    /// <summary>Cuts the way after some more writes: the last one is done, but the client does not hear of it.</summary>
    public void CutAfter(int writes) => Interlocked.Exchange(ref _writesLeft, writes);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var target = ApiTarget.Of(request);
        if (_isCut)
            throw new HttpRequestException($"{name} has no way to the API server");
        traffic.Asked(name, target);
        var isLast = target.IsWrite && Interlocked.Decrement(ref _writesLeft) == 0;
        var fault = target.IsWrite && faults is not null ? faults.OfWrite(name, target) : ApiFault.None;
        var response = fault is ApiFault.None or ApiFault.AnswerLost ? await _server.SendAsync(request, cancellationToken).ConfigureAwait(false) : null;
        if (isLast)
        {
            _isCut = true;
            Cut?.Invoke();
        }
        if (_isCut)
        {
            response?.Dispose();
            throw new HttpRequestException($"{name} has lost its way to the API server");
        }
        if (fault != ApiFault.None)
        {
            response?.Dispose();
            response = Failure(fault, target);
        }
        traffic.Answered(target, !response!.IsSuccessStatusCode);
        if (target.IsWatch && response.IsSuccessStatusCode)
            response.Content = new StreamContent(await FollowAsync(response, target.Resource, cancellationToken).ConfigureAwait(false));
        return response;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _server.Dispose();
        base.Dispose(disposing);
    }

    private async Task<WatchedStream> FollowAsync(HttpResponseMessage response, string resource, CancellationToken cancellationToken)
    {
        _open.AddOrUpdate(resource, 1, static (_, open) => open + 1);
        var stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        return new WatchedStream(stream, faults is not null ? faults.OfWatch(name, resource) : (int.MaxValue, false), faults)
        {
            Told = events => traffic.Told(name, resource, events),
            Closed = () => _open.AddOrUpdate(resource, 0, static (_, open) => open - 1),
        };
    }

    private static HttpResponseMessage Failure(ApiFault fault, ApiTarget target)
    {
        var (code, reason) = fault switch
        {
            ApiFault.Conflict => (HttpStatusCode.Conflict, "Conflict"),
            ApiFault.TooManyRequests => (HttpStatusCode.TooManyRequests, "TooManyRequests"),
            _ => (HttpStatusCode.InternalServerError, "InternalError"),
        };
        return new HttpResponseMessage(code) { Content = new ByteArrayContent(Status((int)code, reason, $"{target.Verb} {target.Resource} {target.Name} fails as it was told to")) };
    }

    /// <summary>A Status object.</summary>
    internal static byte[] Status(int code, string reason, string message) => Encoding.UTF8.GetBytes(
        $$"""{"kind":"Status","apiVersion":"v1","status":"Failure","code":{{code}},"reason":"{{reason}}","message":"{{message}}"}""");
}
