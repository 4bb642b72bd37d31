using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace Cilium.Aws.Tests.Ec2;

/// <summary>EC2's endpoint: the Query API over HTTP, with faults before a call takes effect and after it did.</summary>
public sealed class Ec2Endpoint : IAsyncDisposable
{
    private readonly Ec2Query _query;
    private readonly List<string> _calls = [];
    private LocalServer? _server;

    public Ec2Endpoint(Ec2Model model, int pageSize = 1000)
    {
        Model = model;
        _query = new Ec2Query(model, pageSize);
    }

    public Ec2Model Model { get; }

    public string Url => _server!.Url;

    /// <summary>Asked before a call; throws to refuse it.</summary>
    public Action<string>? Before { get; set; }

    /// <summary>Asked after a call took effect; throws to answer as if it had not.</summary>
    public Action<string>? After { get; set; }

    /// <summary>The names of the calls so far.</summary>
    public IReadOnlyList<string> Calls
    {
        get
        {
            lock (_calls) return [.. _calls];
        }
    }

    public async Task<Ec2Endpoint> StartAsync(IPEndPoint? at = null, Func<EndPoint, Socket>? listen = null)
    {
        _server = await LocalServer.StartAsync(at ?? new IPEndPoint(IPAddress.Loopback, 0), HandleAsync, listen);
        return this;
    }

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;

    private async Task HandleAsync(HttpContext context)
    {
        var form = await context.Request.ReadFormAsync(CancellationToken.None);
        var parameters = form.ToDictionary(pair => pair.Key, pair => pair.Value.ToString());
        var action = parameters.GetValueOrDefault("Action", "");
        lock (_calls) _calls.Add(action);
        context.Response.ContentType = "text/xml;charset=UTF-8";
        try
        {
            Before?.Invoke(action);
            var answer = _query.Answer(parameters);
            After?.Invoke(action);
            await context.Response.WriteAsync(answer.ToString(), CancellationToken.None);
        }
        catch (Ec2Fault fault)
        {
            context.Response.StatusCode = fault.Status;
            await context.Response.WriteAsync(Ec2Query.Refusal(fault).ToString(), CancellationToken.None);
        }
    }
}
