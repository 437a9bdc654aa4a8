/** Settings of the certificates of the gRPC and the api listener. */
import { type SettingOptions, setting } from '../config/setting.ts'
import { text } from '../config/value_types.ts'

function tlsSettings(section: string, shared: Pick<SettingOptions, 'credenceOnly'>) {
  return {
    keyPath: setting(`${section}.key.path`, text(), {
      description: 'File of the private key, PEM. The listener uses TLS if a key and a certificate are set.',
      ...shared,
    }),
    keyBase64: setting(`${section}.key.base64`, text(), {
      description: 'The private key itself: PEM in base64.',
      secret: true,
      ...shared,
    }),
    certPath: setting(`${section}.cert.path`, text(), {
      description:
        'File of the certificate and its intermediates, PEM. Key and certificate files are reloaded when they change.',
      ...shared,
    }),
    certBase64: setting(`${section}.cert.base64`, text(), {
      description: 'The certificate itself: PEM in base64.',
      ...shared,
    }),
  }
}

export const grpcTlsSettings = {
  ...tlsSettings('serve.grpc.tls', { credenceOnly: true }),
  clientCaPath: setting('serve.grpc.tls.client_ca.path', text(), {
    description:
      'File of the CAs that sign client certificates, PEM. If set, clients must present one (mutual TLS).',
    credenceOnly: true,
  }),
}

export const apiTlsSettings = tlsSettings('serve.api.tls', {})
