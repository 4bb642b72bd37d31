using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cilium.Hubble.Observing;

namespace Cilium.Hubble.Serving;

/// <summary>How Hubble proves itself on TCP and whom it lets in.</summary>
public static class HubbleTls
{
    /// <summary>
    /// Reads the files that the options name, once. TLS is 1.3 at least. With authorities, a client needs a certificate for clients that one of
    /// them has issued.
    /// </summary>
    /// <exception cref="IOException">A file is not named, is missing or holds something else; the message says which.</exception>
    public static SslServerAuthenticationOptions Load(HubbleOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
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
            tls.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
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
        catch (Exception exception) when (exception is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new IOException($"the TLS file {file} cannot be read: {exception.Message}", exception);
        }
    }
}
