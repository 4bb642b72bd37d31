using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Cilium.Kubernetes.Tests.Connection;

/// <summary>A server of HTTP/1.1 over TLS that is well, and remembers how it was asked.</summary>
internal sealed class NamedServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly SslStreamCertificateContext _identity;
    private readonly Task _answering;

    public NamedServer(X509Certificate2 certificate)
    {
        // Otherwise the server itself would look for the issuer where the certificate says.
        _identity = SslStreamCertificateContext.Create(certificate, [], offline: true);
        _listener.Start();
        _answering = AnswerAsync();
    }

    public string Address => _listener.LocalEndpoint.ToString()!;

    /// <summary>The name that TLS asked for, and the headers, of each request.</summary>
    public ConcurrentQueue<(string TlsName, IReadOnlyDictionary<string, string> Headers)> Heard { get; } = [];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _answering;
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AnswerAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                await using var stream = new SslStream(client.GetStream());
                await TryAnswerAsync(stream);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The test is over.
            return;
        }
    }

    private async Task TryAnswerAsync(SslStream stream)
    {
        try
        {
            await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = _identity }, _stop.Token);
            using var reader = new StreamReader(stream, leaveOpen: true);
            var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            if (await reader.ReadLineAsync(_stop.Token) is null)
            {
                return;
            }

            while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 } line)
            {
                var colon = line.IndexOf(':', StringComparison.Ordinal);
                headers[line[..colon]] = line[(colon + 1)..].Trim();
            }

            Heard.Enqueue((stream.TargetHostName, headers));
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"u8.ToArray(), _stop.Token);
        }
        catch (Exception refused) when (refused is IOException or AuthenticationException)
        {
            // The client does not trust us, which some of these tests want.
            return;
        }
    }
}
