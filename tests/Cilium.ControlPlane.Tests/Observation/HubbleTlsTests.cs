using System.Security.Cryptography.X509Certificates;
using Cilium.Hubble.Observing;
using Cilium.Hubble.Serving;
using Microsoft.Extensions.Logging;
using static Cilium.ControlPlane.Tests.Observation.TestCertificates;

namespace Cilium.ControlPlane.Tests.Observation;

public sealed class HubbleTlsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("cilium-hubble-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_renewal_that_failed_is_tried_again_and_told_once()
    {
        using var authority = Authority("Cilium CA");
        using var first = Issue(authority, "first.hubble-grpc.cilium.io");
        using var second = Issue(authority, "second.hubble-grpc.cilium.io");
        var log = new CollectedLog<HubbleTls>();
        var options = new HubbleOptions
        {
            DisableTls = false,
            TlsCertFile = Write("server.crt", first.ExportCertificatePem()),
            TlsKeyFile = Write("server.key", first.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()),
        };
        var tls = new HubbleTls(options, log);
        Assert.Equal(first.Thumbprint, tls.Current.ServerCertificateContext!.TargetCertificate.Thumbprint);

        // A file that is written within one tick of the clock has the same time half done and done.
        var written = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        Write("server.crt", second.ExportCertificatePem());
        File.SetLastWriteTimeUtc(Write("server.key", "half a k"), written);
        Assert.Equal(first.Thumbprint, tls.Current.ServerCertificateContext!.TargetCertificate.Thumbprint);
        Assert.Equal(first.Thumbprint, tls.Current.ServerCertificateContext!.TargetCertificate.Thumbprint);
        Assert.Equal(LogLevel.Warning, Assert.Single(log.Entries).Level);

        File.SetLastWriteTimeUtc(Write("server.key", second.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()), written);
        Assert.Equal(second.Thumbprint, tls.Current.ServerCertificateContext!.TargetCertificate.Thumbprint);
        Assert.Equal([LogLevel.Warning, LogLevel.Information], log.Entries.Select(entry => entry.Level));

        // Another failure is news again.
        File.Delete(options.TlsKeyFile);
        Assert.Equal(second.Thumbprint, tls.Current.ServerCertificateContext!.TargetCertificate.Thumbprint);
        Assert.Equal(LogLevel.Warning, log.Entries[^1].Level);
        Assert.Equal(3, log.Entries.Count);
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_directory, name);
        File.WriteAllText(path, text);
        return path;
    }

    private sealed class CollectedLog<T> : ILogger<T>
    {
        public List<(LogLevel Level, string Text)> Entries { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Entries.Add((logLevel, formatter(state, exception)));
    }
}
