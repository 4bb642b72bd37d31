using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace Cilium.Aws.Tests.Ec2;

/// <summary>The instance metadata service of one instance, version 2 only: without a token that it gave it answers 401.</summary>
public sealed class ImdsEndpoint(Ec2Instance instance, string mac, string subnet) : IAsyncDisposable
{
    private LocalServer? _server;
    private string _token = "";

    public string Url => _server!.Url;

    /// <summary>The tokens given so far.</summary>
    public int Tokens { get; private set; }

    /// <summary>Requests that are still to be answered with 503.</summary>
    public int Failures { get; set; }

    public async Task<ImdsEndpoint> StartAsync(IPEndPoint? at = null, Func<EndPoint, Socket>? listen = null)
    {
        _server = await LocalServer.StartAsync(at ?? new IPEndPoint(IPAddress.Loopback, 0), HandleAsync, listen);
        return this;
    }

    /// <summary>Forgets the token, as when its time has run out.</summary>
    public void Expire() => _token = "";

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;

    private Task HandleAsync(HttpContext context)
    {
        var request = context.Request;
        if (Failures > 0)
        {
            Failures--;
            context.Response.StatusCode = 503;
            return Task.CompletedTask;
        }

        if (request.Method == "PUT" && request.Path == "/latest/api/token")
        {
            if (!int.TryParse(request.Headers["X-aws-ec2-metadata-token-ttl-seconds"], out var seconds) || seconds is < 1 or > 21600)
            {
                context.Response.StatusCode = 400;
                return Task.CompletedTask;
            }

            _token = $"token-{++Tokens}";
            return context.Response.WriteAsync(_token, CancellationToken.None);
        }

        if (_token.Length == 0 || request.Headers["X-aws-ec2-metadata-token"] != _token)
        {
            context.Response.StatusCode = 401;
            return Task.CompletedTask;
        }

        var value = request.Path.Value!["/latest/meta-data/".Length..] switch
        {
            "instance-id" => instance.Id,
            "instance-type" => instance.Type,
            "placement/availability-zone" => instance.Zone,
            "mac" => mac,
            "iam/info" => """
                {"Code":"Success","LastUpdated":"2026-01-01T00:00:00Z","InstanceProfileArn":"arn:aws:iam::123456789012:instance-profile/node","InstanceProfileId":"AIPA"}
                """,
            "iam/security-credentials" or "iam/security-credentials/" => "node-role",
            "iam/security-credentials/node-role" => """
                {"Code":"Success","LastUpdated":"2026-01-01T00:00:00Z","Type":"AWS-HMAC","AccessKeyId":"key","SecretAccessKey":"secret","Token":"token","Expiration":"2046-01-01T00:00:00Z"}
                """,
            var path when path == $"network/interfaces/macs/{mac}/vpc-id" => instance.Network,
            var path when path == $"network/interfaces/macs/{mac}/subnet-id" => subnet,
            _ => null,
        };
        if (value is null)
        {
            context.Response.StatusCode = 404;
            return Task.CompletedTask;
        }

        return context.Response.WriteAsync(value, CancellationToken.None);
    }
}
