using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cilium.Hubble.Observing;
using Microsoft.Extensions.Logging;

namespace Cilium.Hubble.Serving;

/// <summary>How Hubble proves itself on TCP and whom it lets in. Files that are renewed count for the connections that come afterwards.</summary>
public sealed partial class HubbleTls
{
    private readonly Lock _lock = new();
    private readonly HubbleOptions _options;
    private readonly ILogger _logger;
    private SslServerAuthenticationOptions _current;
    private DateTime[] _written;
    private DateTime[] _toldOf = [];

    /// <summary>
    /// Reads the files that the options name. TLS is 1.3 at least. With authorities, a client needs a certificate for clients that one of them has
    /// issued.
    /// </summary>
    /// <exception cref="IOException">A file is not named, is missing or holds something else; the message says which.</exception>
    public HubbleTls(HubbleOptions options, ILogger<HubbleTls> logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_options, _logger) = (options, logger);
        _written = Written();
        _current = Load(options);
    }

    /// <summary>What a connection that comes now is told. When the renewed files cannot be read, the former ones stay, which the log says once.</summary>
    public SslServerAuthenticationOptions Current
    {
        get
        {
            lock (_lock)
            {
                if (Written() is var written && !written.AsSpan().SequenceEqual(_written))
                {
                    Renew(written);
                }

                return _current;
            }
        }
    }

    private void Renew(DateTime[] written)
    {
        try
        {
            _current = Load(_options);
            (_written, _toldOf) = (written, []);
            LogRenewed(_logger, _options.TlsCertFile);
        }
        catch (IOException exception)
        {
            // Certificate and key are two files: one of them may be written yet. What is wrong now may be right at the next connection, without another
            // time on the files: it is tried again then, and not told again.
            if (!written.AsSpan().SequenceEqual(_toldOf))
            {
                _toldOf = written;
                LogKept(_logger, exception.Message);
            }
        }
    }

    private DateTime[] Written() =>
        [.. _options.TlsClientCaFiles.Append(_options.TlsCertFile).Append(_options.TlsKeyFile).Where(file => file.Length != 0).Select(WrittenAt)];

    // Files of a secret are links into a folder that is replaced as a whole.
    private static DateTime WrittenAt(string file)
    {
        try
        {
            return File.ResolveLinkTarget(file, returnFinalTarget: true)?.LastWriteTimeUtc ?? File.GetLastWriteTimeUtc(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Not there at the moment, or not for us, which is another state than any that can be read.
            return default;
        }
    }

    private static SslServerAuthenticationOptions Load(HubbleOptions options)
    {
        if (options.TlsCertFile.Length == 0 || options.TlsKeyFile.Length == 0)
        {
            throw new IOException(
                $"not on {options.ListenAddress}: hubble-disable-tls is false, and hubble-tls-cert-file and hubble-tls-key-file do not name a certificate and its key");
        }

        var tls = new SslServerAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls13,
            ServerCertificateContext = Read(options.TlsCertFile, () => Identity(options)),
        };
        if (options.TlsClientCaFiles.Count != 0)
        {
            tls.ClientCertificateRequired = true;
            // By default a stranger's certificate would make us ask any URL that it names for its issuer, and wait for it.
            tls.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
            };
            foreach (var file in options.TlsClientCaFiles)
            {
                tls.CertificateChainPolicy.CustomTrustStore.AddRange(Read(file, () => Certificates(file)));
            }
        }

        return tls;
    }

    private static SslStreamCertificateContext Identity(HubbleOptions options)
    {
        var certificate = X509Certificate2.CreateFromPemFile(options.TlsCertFile, options.TlsKeyFile);
        // The file may hold intermediate authorities too; nothing is fetched from elsewhere.
        return SslStreamCertificateContext.Create(certificate, Certificates(options.TlsCertFile), offline: true);
    }

    private static X509Certificate2Collection Certificates(string file)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPemFile(file);
        return certificates.Count != 0 ? certificates : throw new CryptographicException("there is no certificate in it");
    }

    private static T Read<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new IOException($"the TLS file {file} cannot be read: {exception.Message}", exception);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Hubble's certificate {File} was renewed")]
    private static partial void LogRenewed(ILogger logger, string file);

    [LoggerMessage(2, LogLevel.Warning, "Hubble keeps its former certificate: {Reason}")]
    private static partial void LogKept(ILogger logger, string reason);
}
